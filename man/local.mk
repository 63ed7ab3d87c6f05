# Manual pages.
dist_man_MANS += man/shadowctl.1
