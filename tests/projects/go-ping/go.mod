module example.com/go-ping

go 1.19
