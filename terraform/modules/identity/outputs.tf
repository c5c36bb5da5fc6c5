output "accounts" {
  description = "Google service accounts by workload."
  value       = { for name, account in google_service_account.workload : name => account.email }
}

output "annotations" {
  description = "Google service accounts by NAMESPACE/NAME of the Kubernetes ones, for their annotation iam.gke.io/gcp-service-account."
  value = {
    for name, workload in var.workloads :
    "${workload.namespace}/${workload.service_account}" => google_service_account.workload[name].email
  }
}

output "ci" {
  description = "What a GitHub workflow logs in with: the provider's name and the service account; none without a repository."
  value = var.github == null ? null : {
    provider = google_iam_workload_identity_pool_provider.github[0].name
    account  = google_service_account.ci[0].email
  }
}
