"""A network of each lab, in short, in the style that the lab asks for; what is shown in reports,
adopted, checked and explained as it stands."""
