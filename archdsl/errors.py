"""Every message, as a class: the fields are the facts, the class variables the words.

E01 text and syntax, E02 names, E03 types and sizes, E04 structure (repeats, states, gates), E05 learning and chance, E06 checks.
"""

from __future__ import annotations

from archdsl.diagnostics import Diagnostic, Errors


class Message(Diagnostic):
    """A diagnostic that can end a run by itself."""

    def error(self) -> Errors:
        return Errors([self])


# -- E01: text and syntax -------------------------------------------------------------------------------------------
class NotText(Message):
    code, title = "E0101", "this is no text"
    label, hint = "a character that no program has", "is this an .arch file, in UTF-8?"
    story = "A program is UTF-8 text. A control character or an undecodable byte stands here."
    wrong = "model M {\n  input x: [batch, 4] \x01\n  output x\n}"
    right = "model M {\n  input x: [batch, 4]\n  output relu(x)\n}"


class BadCharacter(Message):
    character: str
    code, title = "E0102", "`{character}` means nothing here"
    label, hint = "not a sign of the language", "names are letters, digits and _; comments begin with #"
    story = "The language has no such sign. Names are made of letters, digits and underscores."
    wrong = "model M {\n  input x: [batch, 4]\n  output x $ 2\n}"
    right = "model M {\n  input x: [batch, 4]\n  output x ^ 2\n}"


class OpenString(Message):
    code, title = "E0103", "this string is never closed"
    label, hint = "opened here", 'close it with " on the same line, or a docstring with """'
    story = "A string ends on its own line; a docstring ends with three quotes."
    wrong = 'model M {\n  input x: [batch, 4]\n  output einsum(x, equation = "b i -> i)\n}'
    right = 'model M {\n  input x: [batch, 4]\n  output einsum(x, equation = "b i -> i")\n}'


class BadSyntax(Message):
    found: str
    wanted: str
    code, title = "E0104", "{found} cannot stand here"
    label = "expected {wanted}"
    story = "The text before this place can be continued, but not so."
    wrong = "model M {\n  input x: [batch, 4]\n  y = = x\n  output y\n}"
    right = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  output y\n}"


class Unbalanced(Message):
    bracket: str
    what: str
    code, title = "E0105", "`{bracket}` {what}"
    label = "here"
    story = "Brackets open and close in pairs of one kind."
    wrong = "model M {\n  input x: [batch, 4]\n  output relu(x\n}"
    right = "model M {\n  input x: [batch, 4]\n  output relu(x)\n}"


class TooDeep(Message):
    code, title = "E0106", "brackets are nested more than 100 deep"
    label, hint = "here", "name a part of it and use the name"
    story = "No architecture needs brackets this deep; the limit keeps the checker from running out of room."
    wrong = "model M {\n  input x: [batch, 4]\n  output " + "(" * 101 + "x" + ")" * 101 + "\n}"
    right = "model M {\n  input x: [batch, 4]\n  output ((x))\n}"


class TooLong(Message):
    code, title = "E0107", "this statement has more than 1,000 operators"
    label, hint = "here", "name parts of it and use the names"
    story = "A statement this long cannot be read, and the limit keeps the checker from running out of room."
    wrong = "model M {\n  input x: [batch, 4]\n  output x" + " + x" * 1001 + "\n}"
    right = "model M {\n  input x: [batch, 4]\n  output 1002 * x\n}"


class Empty(Message):
    code, title = "E0108", "this file defines nothing"
    label, hint = (
        "expected a definition",
        "begin with `model Name(…) {{ … }}`; `archdsl examples` lists programs to start from",
    )
    story = "A program is a list of definitions: model, block, cell, train."
    wrong = "# nothing yet\n"
    right = "model M {\n  input x: [batch, 4]\n  output relu(x)\n}"


# -- E02: names -----------------------------------------------------------------------------------------------------
class UnknownName(Message):
    name: str
    what: str = "name"
    code, title = "E0201", "unknown {what} `{name}`"
    label = "not found"
    story = (
        "A name means a local value, a hyperparameter, a size, a definition of this file, of its `use`s or "
        "of the library, or a primitive, in this order."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  y = relux(x)\n  output y\n}"
    right = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  output y\n}"


class Twice(Message):
    name: str
    code, title = "E0202", "`{name}` is given twice"
    label, hint = "again", "a name has one value; give the second one a name of its own"
    story = "Every name has one meaning in its body, so a reader never asks which."
    wrong = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  y = tanh(y)\n  output y\n}"
    right = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  z = tanh(y)\n  output z\n}"


class UsedEarly(Message):
    name: str
    code, title = "E0203", "`{name}` is used before it has a value: a cycle without a delay"
    label, hint = "used here", "to feed a value back, declare `state {name}: […] = 0` and hand it on with `{name}' = …`"
    story = "Every cycle passes through a delay: a state takes the value from the step before, and h' hands it on."
    wrong = "model M {\n  input x: [batch, 4]\n  a = tanh(x + b)\n  b = tanh(a)\n  output b\n}"
    right = (
        "cell C {\n  input x: [batch, 4]\n  state b: [batch, 4] = 0\n  a = tanh(x + b)\n  b' = tanh(a)\n  output b'\n}"
    )


class UseFails(Message):
    reason: str
    code, title = "E0204", "this `use` fails: {reason}"
    label = "here"
    story = "`use` names another program by a path relative to this one; files may not use each other in a circle."
    wrong = 'use "no such file.arch"\nmodel M {\n  input x: [batch, 4]\n  output relu(x)\n}'
    right = "model M {\n  input x: [batch, 4]\n  output relu(x)\n}"


class UsesItself(Message):
    name: str
    through: str
    code, title = "E0205", "`{name}` uses itself{through}"
    label, hint = "here", "to repeat something, use `stack`, `loop` or `scan`"
    story = "Definitions are not recursive: what repeats is a stack, a loop or a scan."
    wrong = "block B {\n  input x: [batch, 4]\n  output B()(relu(x))\n}"
    right = "block B {\n  input x: [batch, 4]\n  output x -> loop 3 { relu }\n}"


class NoSuchField(Message):
    name: str
    known: str
    code, title = "E0206", "there is no `.{name}` here"
    label, hint = "not found", "there is {known}"
    story = (
        "A repeat or a call has its outputs as fields (`r.skip`) and its states' last values (`r.h'`); a "
        "layer has its weights (`E.weight`)."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  W = Linear(4)\n  output W(x) @ W.wieght\n}"
    right = "model M {\n  input x: [batch, 4]\n  W = Linear(4)\n  output W(x) @ W.weight\n}"


class NotCapitalized(Message):
    name: str
    code, title = "E0207", "the definition `{name}` is not Capitalized"
    label, hint = "here", "a Capitalized name makes something, a lowercase one is a plain function"
    story = "A reader tells from a name's first letter whether it can hold weights."
    wrong = "block twice(d) {\n  input x: [batch, d]\n  output y = 2 * x\n}"
    right = "block Twice(d) {\n  input x: [batch, d]\n  output y = 2 * x\n}"


# -- E03: types and sizes -------------------------------------------------------------------------------------------
class WrongShape(Message):
    what: str
    reason: str
    code, title = "E0301", "{what}: {reason}"
    label = "here"
    story = "Sizes are symbols; two are the same only if they are the same expression. Each operator says what shapes it takes."
    wrong = "model M {\n  input a: [batch, 3], b: [batch, 4]\n  output a + b\n}"
    right = "model M {\n  input a: [batch, 3], b: [batch, 4]\n  output a + Linear(3)(b)\n}"


class WrongArguments(Message):
    what: str
    reason: str
    code, title = "E0302", "{what}: {reason}"
    label = "here"
    story = (
        "The first parentheses of a Capitalized name are its hyperparameters, the second its inputs; a "
        "lowercase name takes its inputs, then its settings."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  output x -> Linear(2, biass = false)\n}"
    right = "model M {\n  input x: [batch, 4]\n  output x -> Linear(2, bias = false)\n}"


class NotApplicable(Message):
    what: str
    code, title = "E0303", "{what}"
    label = "here"
    story = "A value was written where something that can be applied is needed, or the other way round."
    wrong = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  output y(x)\n}"
    right = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  output y * x\n}"


class NotANumber(Message):
    reason: str
    code, title = "E0304", "{reason}"
    label = "here"
    story = "Sizes and hyperparameters are numbers known before the model runs; a tensor's values are not."
    wrong = "model M {\n  input x: [batch, 4]\n  output Linear(x)\n}"
    right = "model M {\n  input x: [batch, 4]\n  output Linear(2)(x)\n}"


class SizeUnknown(Message):
    name: str
    size: str
    code, title = "E0305", "the weights of `{name}` depend on the size `{size}`, which has no value"
    label, hint = (
        "this input gives the size",
        "make `{size}` a hyperparameter of `{name}` with a default, or write its number",
    )
    story = "A size that weights depend on must be known when the model is made. Batch and time may stay open."
    wrong = "model M {\n  input x: [batch, features]\n  output Linear(2)(x)\n}"
    right = "model M(features = 8) {\n  input x: [batch, features]\n  output Linear(2)(x)\n}"


class BadSize(Message):
    text: str
    value: str
    must: str
    code, title = "E0306", "{text} is {value} here, and must be {must}"
    label = "here"
    story = (
        "Sizes are whole and positive: heads must divide the width, a kernel must fit into its image. Settings have "
        "ranges: a rate is not negative, a probability lies between 0 and 1."
    )
    wrong = "model M(d = 10, heads = 4) {\n  input x: [batch, time, d]\n  output reshape(x, to = [batch, time, heads, d / heads])\n}"
    right = "model M(d = 12, heads = 4) {\n  input x: [batch, time, d]\n  output reshape(x, to = [batch, time, heads, d / heads])\n}"


class NotShared(Message):
    name: str
    reason: str
    code, title = "E0307", "`{name}` cannot be shared here: {reason}"
    label, hint = "used here", "its sizes were set where it was first used; make a second one with weights of its own"
    story = "Naming weights shares them, so every use must fit the same sizes."
    wrong = "model M {\n  input a: [batch, 3], b: [batch, 4]\n  W = Linear(2)\n  output W(a) + W(b)\n}"
    right = "model M {\n  input a: [batch, 3], b: [batch, 4]\n  V = Linear(2)\n  W = Linear(2)\n  output V(a) + W(b)\n}"


class NoDefault(Message):
    name: str
    model: str
    code, title = "E0308", "the hyperparameter `{name}` of model `{model}` has no default"
    label, hint = "here", "give it one: `{name} = …`, or make `{model}` a block"
    story = "A model is an entry point: it can be drawn, counted and run as it stands."
    wrong = "model M(d) {\n  input x: [batch, d]\n  output Linear(2)(x)\n}"
    right = "model M(d = 8) {\n  input x: [batch, d]\n  output Linear(2)(x)\n}"


# -- E04: structure -------------------------------------------------------------------------------------------------
class NotAGate(Message):
    name: str
    low: str
    high: str
    code, title = "E0401", "`{name}` is no gate: its values lie in [{low}, {high}]"
    label, hint = "must lie in [0, 1]", "use sigmoid, softmax, 1 - z or a product of gates; or drop the word `gate`"
    story = (
        "A gate opens and closes: it lies in [0, 1] and multiplies something. The range is inferred from the operators."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  gate f = tanh(Linear(4)(x))\n  output f * x\n}"
    right = "model M {\n  input x: [batch, 4]\n  gate f = sigmoid(Linear(4)(x))\n  output f * x\n}"


class GateUnused(Message):
    name: str
    code, title = "E0402", "the gate `{name}` multiplies nothing"
    label, hint = "declared here", "multiply something with it, or drop the word `gate`"
    story = "A gate lies in [0, 1] and multiplies something."
    wrong = "model M {\n  input x: [batch, 4]\n  gate f = sigmoid(Linear(4)(x))\n  output f + x\n}"
    right = "model M {\n  input x: [batch, 4]\n  gate f = sigmoid(Linear(4)(x))\n  output f * x\n}"


class StateProblem(Message):
    reason: str
    code, title = "E0403", "{reason}"
    label = "here"
    story = "A state belongs to a cell or to the body of a repeat: it has a first value, and `h' = …` hands it on exactly once."
    wrong = "cell C {\n  input x: [batch, 4]\n  state h: [batch, 4] = 0\n  output tanh(x + h)\n}"
    right = "cell C {\n  input x: [batch, 4]\n  state h: [batch, 4] = 0\n  h' = tanh(x + h)\n  output h'\n}"


class RepeatProblem(Message):
    reason: str
    code, title = "E0404", "{reason}"
    label = "here"
    story = (
        "`stack` makes copies, `loop` passes through the same weights, `scan` steps along an axis. What is "
        "handed on has the same type in every pass."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  output x -> loop 3 { Linear(5) }\n}"
    right = "model M {\n  input x: [batch, 4]\n  output x -> loop 3 { Linear(4) }\n}"


class NoOutput(Message):
    name: str
    code, title = "E0405", "`{name}` has no output"
    label, hint = "here", "say what its caller gets: `output y`"
    story = "A model, block or cell gives its caller at least one value."
    wrong = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n}"
    right = "model M {\n  input x: [batch, 4]\n  y = relu(x)\n  output y\n}"


class Misplaced(Message):
    what: str
    reason: str
    code, title = "E0406", "{what} cannot stand here: {reason}"
    label = "here"
    story = "Each statement has its place: inputs at the top of a definition, minimize in a train, config in a model."
    wrong = "model M {\n  input x: [batch, 4]\n  minimize mean(x)\n  output x\n}"
    right = "model M {\n  input x: [batch, 4]\n  output Linear(1)(x)\n}\ntrain Fit {\n  input x: [batch, 4]\n  minimize mean(M()(x))\n}"


class Unused(Message):
    name: str
    code, title = "E0407", "`{name}` is made and never used"
    label, hint = "made here", "apply it to something, or remove it"
    story = "Weights that nothing uses have no sizes, and would be drawn nowhere."
    wrong = "model M {\n  input x: [batch, 4]\n  W = Linear(3)\n  output relu(x)\n}"
    right = "model M {\n  input x: [batch, 4]\n  W = Linear(3)\n  output W(x)\n}"


# -- E05: learning and chance ---------------------------------------------------------------------------------------
class DrawProblem(Message):
    reason: str
    code, title = "E0501", "{reason}"
    label = "here"
    story = (
        "A draw names its distribution and, where a gradient passes, how: by reparameterisation, by "
        "score_function, by straight_through."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  z ~ Bernoulli(sigmoid(x)) by reparameterisation\n  output z\n}"
    right = "model M {\n  input x: [batch, 4]\n  z ~ Bernoulli(sigmoid(x)) by straight_through\n  output z\n}"


class LearningProblem(Message):
    reason: str
    code, title = "E0502", "{reason}"
    label = "here"
    story = (
        "`minimize loss over part with Optimizer(…)`: the loss is a scalar, the parts are named in this "
        "train and have weights that can learn."
    )
    wrong = "model M {\n  input x: [batch, 4]\n  output Linear(1)(x)\n}\ntrain Fit {\n  input x: [batch, 4]\n  minimize M()(x)\n}"
    right = "model M {\n  input x: [batch, 4]\n  output Linear(1)(x)\n}\ntrain Fit {\n  input x: [batch, 4]\n  minimize mean(M()(x))\n}"


# -- E06: checks ----------------------------------------------------------------------------------------------------
class ExpectFails(Message):
    measured: str
    expected: str
    code, title = "E0601", "this expectation fails"
    label, hint = "it is {measured}, and {expected} is expected", ""
    story = "`expect` is checked, not trusted: the count is computed from the program."
    wrong = "model M {\n  input x: [batch, 4]\n  output Linear(2)(x)\n  expect params == 8\n}"
    right = "model M {\n  input x: [batch, 4]\n  output Linear(2)(x)\n  expect params == 10\n}"


class CannotDecide(Message):
    text: str
    code, title = "E0602", "`{text}` cannot be decided here"
    label, hint = "depends on sizes known only when the model runs, or on a stack's index", ""
    story = "`if` chooses by hyperparameters, before anything is drawn or emitted."
    wrong = "model M {\n  input x: [batch, 4]\n  if batch == 1 { y = relu(x) } else { y = tanh(x) }\n  output y\n}"
    right = (
        "model M(wide = true) {\n  input x: [batch, 4]\n  if wide { y = relu(x) } else { y = tanh(x) }\n  output y\n}"
    )
