# SPDX-License-Identifier: GPL-2.0-or-later
# The guest images and their parts; see guests.make. Read by make only.
IMAGES = hello

hello_PARTS = $(LIB32) hello.c32
