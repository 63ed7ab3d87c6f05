# Rules of systemd/.
