"""Make `python -m ocsp_exporter` the same as `ocsp-exporter`."""

from ocsp_exporter.cli import main

main()
