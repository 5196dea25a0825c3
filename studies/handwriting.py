"""A variational autoencoder and a GAN, compiled from their programs, write digits that a classifier recognises.

    python studies/handwriting.py vae [--steps 4000] [--seed 0]
    python studies/handwriting.py gan [--steps 8000] [--seed 0]

Both learn scikit-learn's 8 × 8 digits, without labels, and then write 1,000 digits from noise. A classifier that learned the real digits
reads them. Recognised is a digit that it reads with a probability of at least 0.9. Beside that stands how many real digits are, that the
classifier never saw; and how many images of which each pixel is drawn for itself, with the pixel's own mean, so that only a
generator that knows which pixels belong together does better. As many different digits as were recognised are named, since a generator may
write always the same.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that a checkout need not be installed

import archdsl

WRITTEN, BATCH = 1000, 64
