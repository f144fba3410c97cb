"""What people are called and where they live: frequent in Latin America and Spain, of nobody.

Texts are words with a space between, the most frequent first.
"""

from __future__ import annotations

FIRST = (
    "María José Juan Luis Ana Carlos Sofía Andrés Camila Jesús Valentina Jorge Lucía Iñaki Ángela "
    "Óscar Begoña Martín Ximena Raúl Natalia Iván Verónica Íñigo Paula Félix Mónica César Julián "
    "Adrián Elena Tomás Rocío Héctor Inés Nicolás Beatriz Álvaro Daniela Germán Belén Simón "
    "Mariana Agustín Noelia Matías Pilar Sebastián Carolina Joaquín Gabriela Rubén Fernanda "
    "Ramón Claudia Víctor Diana Hernán Lorena Fabián Patricia Gastón Susana Emilio Catalina Hugo "
    "Yolanda Bruno Renata Mateo Antonia Pablo Isabel Diego Laura Miguel Carmen Pedro Teresa "
    "Francisco Alejandra Antonio Mercedes Manuel Rosario Ricardo Consuelo Roberto Esperanza "
    "Eduardo Dolores Fernando Guadalupe Javier Milagros Alberto Pamela Arturo Yamila Gonzalo "
    "Brenda Rodrigo Karina Esteban Marisol Ignacio Zulema"
)
LAST = (
    "García Rodríguez Martínez Hernández López González Pérez Sánchez Ramírez Torres Flores "
    "Rivera Gómez Díaz Cruz Morales Reyes Gutiérrez Ortiz Ramos Ruiz Álvarez Mendoza Castillo "
    "Jiménez Moreno Romero Herrera Medina Aguilar Vargas Guzmán Muñoz Castro Méndez Núñez Peña "
    "Ibáñez Yáñez Ordóñez Zúñiga Acuña Cárdenas Ávila Ríos León Ñáñez Quiñones Bermúdez Córdoba "
    "Suárez Domínguez Vázquez Molina Rojas Silva Soto Delgado Cabrera Fuentes Navarro Campos Vega "
    "Carrillo Miranda Espinoza Sandoval Ayala Pacheco Lozano Valencia Orozco Villarreal Marín "
    "Cifuentes Salazar Benítez Arango Restrepo Montoya Escobar Londoño Zapata Uribe Ospina Duque "
    "Cardona Betancur Giraldo Arboleda Echeverri Quintero Hincapié Agudelo Velásquez Correa Mejía"
)
PLACES = {
    "CO": (0.40, "America/Bogota", "Bogotá Medellín Cali Barranquilla Cartagena Cúcuta Ibagué "
           "Bucaramanga Pereira Manizales Armenia Neiva Pasto Popayán Montería Itagüí"),
    "MX": (0.24, "America/Mexico_City", "México Guadalajara Monterrey Puebla Tijuana León Mérida "
           "Querétaro Cancún Torreón Chihuahua Culiacán Hermosillo Morelia Oaxaca"),
    "ES": (0.12, "Europe/Madrid", "Madrid Barcelona Valencia Sevilla Zaragoza Málaga Murcia Palma "
           "Bilbao Alicante Córdoba Valladolid Vigo Gijón Cádiz Logroño"),
    "PE": (0.09, "America/Lima", "Lima Arequipa Trujillo Chiclayo Piura Iquitos Cusco Huancayo"),
    "AR": (0.06, "America/Argentina/Buenos_Aires", "Rosario Córdoba Mendoza Salta Tucumán Neuquén"),
    "CL": (0.05, "America/Santiago", "Santiago Valparaíso Concepción Ñuñoa Temuco Copiapó"),
    "EC": (0.03, "America/Guayaquil", "Quito Guayaquil Cuenca Ambato Loja"),
    "US": (0.01, "America/New_York", "Miami Houston Orlando"),
}  # fmt: skip
"""Country → its share, time zone and cities."""
NUMBERS = {
    "CO": ("+573", 9), "MX": ("+5255", 8), "ES": ("+346", 8), "PE": ("+519", 8),
    "AR": ("+54911", 8), "CL": ("+569", 8), "EC": ("+5939", 8), "US": ("+130", 8),
}  # fmt: skip
"""Country → how its mobile numbers begin and how many digits follow."""
DOMAINS = {
    "gmail.com": 0.52, "hotmail.com": 0.2, "outlook.com": 0.09, "yahoo.com.mx": 0.06,
    "icloud.com": 0.05, "une.net.co": 0.03, "telefonica.es": 0.02, "empresa.com.co": 0.015,
    "universidad.edu.co": 0.01, "clinica.org": 0.005,
}  # fmt: skip
TRADES = (
    "Panadería Ferretería Farmacia Librería Café Taller Clínica Zapatería Peluquería Óptica "
    "Distribuidora Comercial Restaurante Papelería Lavandería Inmobiliaria"
)
TAGS = {
    "cliente": 0.45, "newsletter": 0.3, "app": 0.2, "mayorista": 0.08, "vip": 0.04, "moroso": 0.03,
    "cumpleaños": 0.12, "carrito": 0.06, "regalo": 0.02, "evento 2025": 0.015, "queja": 0.005,
}  # fmt: skip
"""Tag → the share of people who have it; their ids count from 1 in this order."""
TIERS = {"Básico": 0.55, "Plata": 0.25, "Oro": 0.13, "Diamante": 0.07}
LANGUAGES = {"es": 0.9, "en": 0.06, "pt": 0.03, "ca": 0.01}
CHANNELS = (
    ("WhatsApp", "whatsapp", 0.3), ("SMS", "twilio_sms", 0.03),
    ("Telegram", "telegram", 0.16), ("Messenger", "messenger", 0.1),
)  # fmt: skip
"""(name, kind, share of people with a row there); ids count from 1. The first two go by phone."""
PHONE_CHANNELS = (1, 2)
