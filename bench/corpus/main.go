// Package main imports what a middle-sized service imports.
package main

import (
	_ "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/docker/docker/client"
	_ "github.com/gin-gonic/gin"
	_ "github.com/go-git/go-git/v5"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/prometheus/prometheus/promql"
	_ "github.com/spf13/cobra"
	_ "github.com/spf13/viper"
	_ "go.etcd.io/etcd/client/v3"
	_ "go.opentelemetry.io/otel"
	_ "k8s.io/client-go/kubernetes"
	_ "sigs.k8s.io/controller-runtime"
)

func main() {}
