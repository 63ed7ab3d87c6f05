# What is about a shell: real services. lib.sh is what such scripts, and those of tests/kernels, share.
TESTS += tests/integration/systemd.sh
EXTRA_DIST += tests/integration/systemd.sh tests/integration/lib.sh
