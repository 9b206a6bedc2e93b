FROM a
RUN ["a", "b c", "\u00e9\ud83d\ude00\ud800", "\t\/"]
RUN [ ]
CMD ["a" , 'b']
CMD ["a",]
CMD ["a"] b
CMD  [ "x" ]  
ENTRYPOINT []
VOLUME ["/a", "/b c"]
VOLUME [/a /b]
SHELL ["/bin/sh", "-c"]
COPY ["a b", "c\"d", "/e"]
ADD [a b
HEALTHCHECK CMD ["x", "y"]
