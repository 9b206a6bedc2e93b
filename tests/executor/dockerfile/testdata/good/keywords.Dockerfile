from a as B
run X
Onbuild  run y  
mAinTainer someone else
StopSignal 9
workdir  /a b 
user u:g
