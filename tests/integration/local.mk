# Rules of tests/integration/.
include tests/integration/poold.mk
include tests/integration/control.mk
include tests/integration/run.mk

# What the documentation says about the code is true.
TESTS += tests/integration/fault_path_doc.sh
EXTRA_DIST += tests/integration/fault_path_doc.sh
