"""What the commands do; `ocsp_exporter.cli` declares them and imports these only when one is called."""
