ARG A B=c "D=e f" G='h i'
FROM a
ENV A b   c
ENV A=b C="d e" F='g $H' I=j\ k "L M"=n O=
LABEL x=1 y= "z"=\"q\"
LABEL old   style  label
ARG no-value with=value "both = quoted"
EXPOSE 80/tcp  90 70
