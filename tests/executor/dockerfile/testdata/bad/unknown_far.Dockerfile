FROM a
BREW install
