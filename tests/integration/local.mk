# Rules of tests/integration/.
