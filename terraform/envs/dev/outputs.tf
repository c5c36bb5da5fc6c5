output "fairlead" {
  description = "What the cloud overlays are filled in with."
  value       = module.fairlead
}
