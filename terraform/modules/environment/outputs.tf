# What manifests/overlays/cloud and kserve/overlays/cloud are filled in with.

output "cluster" {
  description = "For gcloud container clusters get-credentials."
  value       = { name = module.cluster.name, location = module.cluster.location }
}

output "settings" {
  description = "Entries of the ConfigMap `fairlead`, and the roots that Kubeflow Pipelines, MLflow and Feast are given."
  value = {
    FAIRLEAD_BUNDLE_STORE = "gs://${module.storage.buckets["bundles"]}/bundles"
    pipeline_root         = "gs://${module.storage.buckets["pipelines"]}/pipelines"
    mlflow_artifact_root  = "gs://${module.storage.buckets["mlflow"]}/artifacts"
    feast_registry        = "gs://${module.storage.buckets["features"]}/registry.db"
    data                  = "gs://${module.storage.buckets["data"]}"
  }
}

output "service_accounts" {
  description = "NAMESPACE/NAME of Kubernetes service accounts → value of their annotation iam.gke.io/gcp-service-account."
  value       = module.identity.annotations
}

output "postgres" {
  description = "What the Cloud SQL Auth Proxy beside MLflow is told, and the user it logs in as."
  value       = { connection_name = module.database.connection_name, user = module.database.users["mlflow"] }
}

output "redis" {
  description = "Where Feast's online store is; TLS, and the password is in the Secret `redis`."
  value       = { host = module.database.redis_host, port = module.database.redis_port }
}

output "images" {
  description = "What image names begin with."
  value       = module.registry.images
}

output "ci" {
  description = "What the workflow that pushes images logs in with."
  value       = module.identity.ci
}
