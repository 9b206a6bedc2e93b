chmod 0751 f
