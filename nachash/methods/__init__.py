"""Training objectives, one file per published method.

To add one, write a file here with a docstring whose first line names the method, a pure
function for its loss (formula, symbols, source), and at its end one public constructor
`method(encoder, scale, *, …) -> Method`, whose keyword-only, annotated, defaulted arguments are
its settings: the flags and the tests read them from the signature. A module constant
`USUAL = Usual(…)` says what it is published with. A method is an `nn.Module` that holds the
encoder and whatever else it trains; what must not be trained (a momentum encoder, a queue) has
`requires_grad=False` or is a buffer, so that a checkpoint carries it. A method with nothing to
train is fitted by `prepare` alone. Methods neither move tensors, nor log, nor hold an optimiser.

Under several processes each sees its part of a batch. What must be seen whole (negatives, keys,
positions) goes through `batch.gather`, which passes gradients on; random numbers are drawn for
the whole, since every process has the same generator.
"""
