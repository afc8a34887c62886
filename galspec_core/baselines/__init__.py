"""Every other system the paper names, and those it compares with: one module a kind, behind one interface."""
