# The image holds one static binary, its licences, and the certificates to call
# WeChat with.
#
# Mirrors for the build: REGISTRY stands before the name of the base image and ends
# with a slash; GOPROXY is Go's.
ARG REGISTRY=
FROM ${REGISTRY}golang:1.26.8 AS build
ARG GOPROXY=https://proxy.golang.org,direct
ENV GOPROXY=${GOPROXY}
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/server ./cmd/server \
 && mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/server /server
COPY LICENSE THIRD_PARTY_LICENSES.md /licenses/
# A new volume takes its owner from this folder.
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp

# A number, for there is no list of users in the image.
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8007
ENV WXLOGIN_ADDR=0.0.0.0:8007 \
    WXLOGIN_DATABASE_URL=sqlite:/data/wxlogin.db
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["/server", "healthcheck"]
# SIGTERM lets the logins in flight finish, for 15 seconds at most.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/server"]
