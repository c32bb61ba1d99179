"""How tasks are made: structures → fragments → sampling → labels → families → splits."""
