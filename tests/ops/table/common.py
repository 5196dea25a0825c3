"""Types and ranges that many uses share."""

UNIT, POSITIVE, SIGNED = (0.0, 1.0), (0.3, 4.0), (-3.0, 2.0)
X = "[batch, d]"
DEEP = "[..., time, d]"
