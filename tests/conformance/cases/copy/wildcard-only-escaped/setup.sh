touch 'x*y' xxy
