output "network" {
  description = "Id of the network."
  value       = google_compute_network.this.id
}

output "subnetwork" {
  description = "Id of the cluster's subnetwork."
  value       = google_compute_subnetwork.cluster.id
}

output "pods_range" {
  description = "Name of the pods' secondary range."
  value       = google_compute_subnetwork.cluster.secondary_ip_range[0].range_name
}

output "services_range" {
  description = "Name of the Services' secondary range."
  value       = google_compute_subnetwork.cluster.secondary_ip_range[1].range_name
}

output "managed" {
  description = "Id of the network, once managed databases can be placed in it."
  value       = google_service_networking_connection.managed.network
}
