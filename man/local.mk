# Manual pages.
dist_man_MANS += man/shadowctl.1
dist_man_MANS += man/poold.8 man/poold.conf.5
dist_man_MANS += man/trapd.8 man/trapd.conf.5
