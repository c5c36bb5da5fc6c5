output "name" {
  description = "Name of the cluster."
  value       = google_container_cluster.this.name
}

output "location" {
  description = "Region or zone of the cluster."
  value       = google_container_cluster.this.location
}

output "workload_pool" {
  description = "What Kubernetes service accounts are known by to Google; known once the cluster is there."
  value       = google_container_cluster.this.workload_identity_config[0].workload_pool
}

output "nodes_account" {
  description = "Service account of the nodes."
  value       = google_service_account.nodes.email
}
