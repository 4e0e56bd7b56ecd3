"""What the notebooks call: runs as tables, the paper's ablations, claims and whether they held, figures, and their execution"""
