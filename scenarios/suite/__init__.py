"""Many runs: scenarios x twins x settings x drivers x radios x time modes x seeds, and the table they give.

`spec` says what is to be driven, `grid` lists the runs, `engine` drives those that `store` has no row of, each in a
process that can be lost (`slots`, `worker`); `cells` and `tables` show what came out. docs/suite.md.
"""
