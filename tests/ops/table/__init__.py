"""`USES`: several concrete uses of every primitive, with what must come out."""

from tests.ops.table import algebra, attention, gradient, group, layers, loss, make, pointwise, reduce, shape

FAMILIES = (pointwise, reduce, shape, make, algebra, layers, attention, group, loss, gradient)
USES = [use for family in FAMILIES for use in family.USES]
