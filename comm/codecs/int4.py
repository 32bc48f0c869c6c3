"""`int4`: four bits a number in groups of 64, keys per channel, values per token, the first token in float16."""

from laco.comm.codecs.grouped import Grouped


class Int4(Grouped):
    """4.5 bits a number: 3.5 times smaller than float16. Gaussian data: 8 % relative error."""

    name = "int4"
    bits = 4
    group = 64
