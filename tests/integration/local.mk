# Rules of tests/integration/.
include tests/integration/poold.mk
