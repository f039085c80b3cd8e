"""The `spikeloop` command: one file a subcommand, found by scanning this folder.

Such a file has HELP (one line), add_arguments(parser) and run(args) -> exit code.
"""
