# Rules of ctl/.
