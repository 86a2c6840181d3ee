"""DeepSeek-V3's kernels on one Hopper GPU: checked, timed, and held against the libraries that can be imported.

    python -m benchmarks.hopper                 check and time everything, write results/DEVICE-DATE.json
    python -m benchmarks.hopper --smoke         check everything at small sizes on the CPU
    python -m benchmarks.hopper table FILE      the table of targets, filled from a file of results
    python -m benchmarks.hopper plot FILE -o DIR
    python -m benchmarks.hopper wheels -o DIR   what a machine without a package index needs

README.md beside this file describes the method and the files it writes.
"""
