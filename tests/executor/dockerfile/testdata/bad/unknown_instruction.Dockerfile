FROM a

RUNN echo
