# Rules of tests/guests/.
