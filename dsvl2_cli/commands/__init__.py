"""One file per command. Nothing in here imports torch, PyMuPDF or Pillow before a command runs."""
