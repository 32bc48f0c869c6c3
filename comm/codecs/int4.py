"""`int4`: four bits a number in groups of 64, keys per channel, values per token, the first token in float16."""

from laco.comm.codecs.nibbles import Nibbles


class Int4(Nibbles):
    """4.5 bits a number: 3.5 times smaller than float16. Gaussian data: 9 % relative error."""

    name = "int4"
    group = 64
