"""Electra inside Jupyter: the IPython extension, the kernelspec, and settings that keep JupyterLab off the internet."""
