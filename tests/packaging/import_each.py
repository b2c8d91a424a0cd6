"""Import each module that is named on stdin in a process of its own, and print those that fail.

Each process is a fork. What it needs of other projects, and of the lines before its own, is imported once: a line is a
layer, whose modules know nothing of later ones.
"""

import gc
import importlib
import os
import sys
import traceback


def fails(module: str) -> bool:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def load(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)


load(sys.argv[1:])
gc.disable()  # a collection would touch, and so copy, all that the processes share
for layer in sys.stdin:
    modules = layer.split()
    failed = [module for module in modules if fails(module)]
    if failed:
        sys.exit(f"cannot be imported first: {', '.join(failed)}")
    load(modules)
