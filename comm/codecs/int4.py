"""`int4`: four bits a number in groups of 32, five with what a group shares (see `grouped`)."""

from laco.comm.codecs.grouped import Grouped


class Int4(Grouped):
    """3.2 times smaller than float16."""

    name = "int4"
    bits = 4
    size = 32
