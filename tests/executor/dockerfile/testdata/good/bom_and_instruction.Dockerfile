  FROM a
