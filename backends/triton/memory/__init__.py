"""Memory of a program: lifetimes of values, places in one workspace, what stays between steps."""
