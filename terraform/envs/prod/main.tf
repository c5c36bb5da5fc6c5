# prod: three zones, protected from deletion, images from known places alone.

module "fairlead" {
  source              = "../../modules/environment"
  environment         = "prod"
  project             = var.project
  region              = var.region
  zone                = "${var.region}-b"
  authorized_networks = var.authorized_networks
  github              = var.github

  highly_available     = true
  protected            = true
  own_keys             = true
  private_endpoint     = true
  release_channel      = "STABLE"
  binary_authorization = "enforce"
  run_artifacts_days   = 180
  redis_memory_gb      = 5
  postgres             = { tier = "db-custom-2-7680", disk_gb = 100, backups = 30 }
  pools = {
    system   = { machine_type = "e2-standard-4", min_nodes = 3, max_nodes = 6 }
    serving  = { machine_type = "c3-standard-8", min_nodes = 3, max_nodes = 12 }
    training = { machine_type = "c3-standard-22", min_nodes = 0, max_nodes = 8, spot = true, tainted = true }
  }
}
