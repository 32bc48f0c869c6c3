"""`laco langcoop doctor`: one line per thing that an evaluation needs, with the remedy where it is missing.

`check` is what a check is; `environment` asks the interpreter, `files` looks at checkout and CARLA, `configs` at YAMLs,
`machine` at ports and memory; `examine` does all.
"""
