#!/usr/bin/env slipway
# check=error=true
# syntax=x
FROM a
