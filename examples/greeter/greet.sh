#!/bin/sh
echo "Hello, @WHO@."
