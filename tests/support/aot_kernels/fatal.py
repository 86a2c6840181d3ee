"""A kernel file that ends the process that loads it, as a fault in a compiler does."""

import os
import sys

sys.stderr.write("the last words of a compiler\n")
sys.stderr.flush()
os._exit(3)
