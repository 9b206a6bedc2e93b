FROM a as
